--! title = "Counties where web sales grow faster than store sales"
--! question = "In which counties did web sales grow faster than store sales from the first to the second and from the second to the third quarter of a year?"
--! param.AGG.default = "ss1.ca_county"
--! param.AGG.sql = [
--!     "ss1.ca_county", "ss1.d_year", "web_q1_q2_increase", "store_q1_q2_increase",
--!     "web_q2_q3_increase", "store_q2_q3_increase",
--! ]
--! param.YEAR = { default = 2000, int = [1998, 2002] }

with store_quarters as (
    select
        ca_county,
        d_qoy,
        d_year,
        sum(ss_ext_sales_price) as revenue
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join customer_address on ss_addr_sk = ca_address_sk
    group by ca_county, d_qoy, d_year
),
web_quarters as (
    select
        ca_county,
        d_qoy,
        d_year,
        sum(ws_ext_sales_price) as revenue
    from web_sales
    join date_dim on ws_sold_date_sk = d_date_sk
    join customer_address on ws_bill_addr_sk = ca_address_sk
    group by ca_county, d_qoy, d_year
)
select
    ss1.ca_county,
    ss1.d_year,
    ws2.revenue / ws1.revenue as web_q1_q2_increase,
    ss2.revenue / ss1.revenue as store_q1_q2_increase,
    ws3.revenue / ws2.revenue as web_q2_q3_increase,
    ss3.revenue / ss2.revenue as store_q2_q3_increase
from store_quarters as ss1
join store_quarters as ss2 on ss1.ca_county = ss2.ca_county
join store_quarters as ss3 on ss2.ca_county = ss3.ca_county
join web_quarters as ws1 on ss1.ca_county = ws1.ca_county
join web_quarters as ws2 on ws1.ca_county = ws2.ca_county
join web_quarters as ws3 on ws1.ca_county = ws3.ca_county
where ss1.d_qoy = 1
    and ss1.d_year = {YEAR}
    and ss2.d_qoy = 2
    and ss2.d_year = {YEAR}
    and ss3.d_qoy = 3
    and ss3.d_year = {YEAR}
    and ws1.d_qoy = 1
    and ws1.d_year = {YEAR}
    and ws2.d_qoy = 2
    and ws2.d_year = {YEAR}
    and ws3.d_qoy = 3
    and ws3.d_year = {YEAR}
    -- a quarter without revenue has no growth: null, and the county is out
    and case when ws1.revenue > 0 then ws2.revenue / ws1.revenue end
        > case when ss1.revenue > 0 then ss2.revenue / ss1.revenue end
    and case when ws2.revenue > 0 then ws3.revenue / ws2.revenue end
        > case when ss2.revenue > 0 then ss3.revenue / ss2.revenue end
order by {AGG}
