--! title = "Coupons and profit of Monday tickets in mid-sized stores"
--! question = "What were the coupon amount and net profit of each Monday ticket of customers from a given kind of household in stores with 200 to 295 employees?"
--! param.DEPCNT = { default = 6, int = [0, 9] }
--! param.VEHCNT = { default = 2, int = [-1, 4] }
--! param.YEAR = { default = 1999, int = [1998, 2000] }
--! deviations = ["the shortened city, unnamed in the definition, is called city"]

select
    c_last_name,
    c_first_name,
    substr(s_city, 1, 30) as city,
    ss_ticket_number,
    amt,
    profit
from (
    select
        ss_ticket_number,
        ss_customer_sk,
        s_city,
        sum(ss_coupon_amt) as amt,
        sum(ss_net_profit) as profit
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    where (hd_dep_count = {DEPCNT} or hd_vehicle_count > {VEHCNT})
        and d_dow = 1
        and d_year in ({YEAR}, {YEAR} + 1, {YEAR} + 2)
        and s_number_employees between 200 and 295
    group by ss_ticket_number, ss_customer_sk, ss_addr_sk, s_city
) as tickets
join customer on ss_customer_sk = c_customer_sk
order by
    c_last_name nulls first,
    c_first_name nulls first,
    substr(s_city, 1, 30) nulls first,
    profit nulls first
limit 100
