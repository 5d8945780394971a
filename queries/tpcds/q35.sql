--! title = "Demographics of customers of more than one channel"
--! question = "Who are the people that bought in a store and also by web or catalog in the first three quarters of a year, counted by state and demographics?"
--! param.AGGONE = { default = "min", sql = ["sum", "min", "max", "avg", "stddev_samp"] }
--! param.AGGTWO = { default = "max", sql = ["sum", "min", "max", "avg", "stddev_samp"] }
--! param.AGGTHREE = { default = "avg", sql = ["sum", "min", "max", "avg", "stddev_samp"] }
--! param.YEAR = { default = 2002, int = [1999, 2002] }

select
    ca_state,
    cd_gender,
    cd_marital_status,
    cd_dep_count,
    count(*) as cnt1,
    {AGGONE}(cd_dep_count) as aggone1,
    {AGGTWO}(cd_dep_count) as aggtwo1,
    {AGGTHREE}(cd_dep_count) as aggthree1,
    cd_dep_employed_count,
    count(*) as cnt2,
    {AGGONE}(cd_dep_employed_count) as aggone2,
    {AGGTWO}(cd_dep_employed_count) as aggtwo2,
    {AGGTHREE}(cd_dep_employed_count) as aggthree2,
    cd_dep_college_count,
    count(*) as cnt3,
    {AGGONE}(cd_dep_college_count) as aggone3,
    {AGGTWO}(cd_dep_college_count) as aggtwo3,
    {AGGTHREE}(cd_dep_college_count) as aggthree3
from customer
join customer_address on c_current_addr_sk = ca_address_sk
join customer_demographics on c_current_cdemo_sk = cd_demo_sk
where exists (
        select *
        from store_sales
        join date_dim on ss_sold_date_sk = d_date_sk
        where ss_customer_sk = c_customer_sk
            and d_year = {YEAR}
            and d_qoy < 4
    )
    and (
        exists (
            select *
            from web_sales
            join date_dim on ws_sold_date_sk = d_date_sk
            where ws_bill_customer_sk = c_customer_sk
                and d_year = {YEAR}
                and d_qoy < 4
        )
        or exists (
            select *
            from catalog_sales
            join date_dim on cs_sold_date_sk = d_date_sk
            where cs_ship_customer_sk = c_customer_sk
                and d_year = {YEAR}
                and d_qoy < 4
        )
    )
group by
    ca_state,
    cd_gender,
    cd_marital_status,
    cd_dep_count,
    cd_dep_employed_count,
    cd_dep_college_count
order by
    ca_state nulls first,
    cd_gender nulls first,
    cd_marital_status nulls first,
    cd_dep_count nulls first,
    cd_dep_employed_count nulls first,
    cd_dep_college_count nulls first
limit 100
