--! title = "Web returns by reason for chosen buyers and states"
--! question = "What are, per return reason, the average quantity, refund and fee of web returns for chosen demographics, prices, states and profits?"
--! param.ES.default = ["Advanced Degree", "College", "2 yr Degree"]
--! param.ES.count = 3
--! param.ES.text = "education"
--! param.MS = { default = ["M", "S", "W"], count = 3, text = "marital_status" }
--! param.STATE.default = ["IN", "OH", "NJ", "WI", "CT", "KY", "LA", "IA", "AR"]
--! param.STATE.count = 9
--! param.STATE.text = "states"
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the columns, unnamed in the definition, are called after their contents"]

select
    substr(r_reason_desc, 1, 20) as reason_desc,
    avg(ws_quantity) as avg_quantity,
    avg(wr_refunded_cash) as avg_refunded_cash,
    avg(wr_fee) as avg_fee
from web_sales
join web_returns
    on ws_item_sk = wr_item_sk
    and ws_order_number = wr_order_number
join web_page on ws_web_page_sk = wp_web_page_sk
join customer_demographics as cd1 on wr_refunded_cdemo_sk = cd1.cd_demo_sk
join customer_demographics as cd2 on wr_returning_cdemo_sk = cd2.cd_demo_sk
join customer_address on wr_refunded_addr_sk = ca_address_sk
join date_dim on ws_sold_date_sk = d_date_sk
join reason on wr_reason_sk = r_reason_sk
where d_year = {YEAR}
    and (
        (
            cd1.cd_marital_status = {MS.1}
            and cd1.cd_marital_status = cd2.cd_marital_status
            and cd1.cd_education_status = {ES.1}
            and cd1.cd_education_status = cd2.cd_education_status
            and ws_sales_price between 100.00 and 150.00
        )
        or (
            cd1.cd_marital_status = {MS.2}
            and cd1.cd_marital_status = cd2.cd_marital_status
            and cd1.cd_education_status = {ES.2}
            and cd1.cd_education_status = cd2.cd_education_status
            and ws_sales_price between 50.00 and 100.00
        )
        or (
            cd1.cd_marital_status = {MS.3}
            and cd1.cd_marital_status = cd2.cd_marital_status
            and cd1.cd_education_status = {ES.3}
            and cd1.cd_education_status = cd2.cd_education_status
            and ws_sales_price between 150.00 and 200.00
        )
    )
    and (
        (
            ca_country = 'United States'
            and ca_state in ({STATE.1}, {STATE.2}, {STATE.3})
            and ws_net_profit between 100 and 200
        )
        or (
            ca_country = 'United States'
            and ca_state in ({STATE.4}, {STATE.5}, {STATE.6})
            and ws_net_profit between 150 and 300
        )
        or (
            ca_country = 'United States'
            and ca_state in ({STATE.7}, {STATE.8}, {STATE.9})
            and ws_net_profit between 50 and 250
        )
    )
-- the full text groups, so that two reasons with the same first 20 characters stay two rows
group by r_reason_desc
order by
    substr(r_reason_desc, 1, 20) nulls first,
    avg(ws_quantity) nulls first,
    avg(wr_refunded_cash) nulls first,
    avg(wr_fee) nulls first
limit 100
